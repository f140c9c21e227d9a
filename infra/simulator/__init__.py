"""A DynamoDB of partitions, in one process and in its own time, that the real repositories run on."""
