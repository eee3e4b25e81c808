"""Where Alembic is told which connection to migrate: the one that `Database.migrate` holds."""

from alembic import context

from engine.archive.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
