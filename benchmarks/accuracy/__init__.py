"""The accuracy of the report: every scenario on a real cluster, compared with an independent probe."""
