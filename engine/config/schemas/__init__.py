"""JSON Schemas of a site's files, generated from the tables that read them.

Law: a file that loads is valid by its schema; what a schema refuses would not load. The reverse is
not promised: what only shows when files meet (a name that does not exist, a grant above a ceiling)
is for `payergate check`. A key that a table has and no shape here describes may be anything.
"""

from engine.config.schemas.files import SCHEMAS, schema_of

__all__ = ["SCHEMAS", "schema_of"]
