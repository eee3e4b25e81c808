"""What payergate costs, measured in one run on one machine (docs/explanation/performance.md).

Law: the load generator and the insurers are lean and report their own CPU, so that a figure is
never theirs; every server is measured with the same bytes, connections and window; a rate means
something only beside another rate of the same run.
"""
