"""Where accepted messages live until every channel is done with them."""
