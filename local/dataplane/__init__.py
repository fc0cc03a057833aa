"""What moves records on a laptop: event source mappings and Firehose as AWS runs them, over public APIs."""
