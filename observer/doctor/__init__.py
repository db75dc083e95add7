"""The doctor: looks at everything a recording will look at, and says what is wrong and how to mend it."""
