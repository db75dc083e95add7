"""How true the report is: every scenario played on a real cluster beside an independent probe, and scored."""
