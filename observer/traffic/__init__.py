"""The read/write generator: plan, run and classify the observer's own operations."""
