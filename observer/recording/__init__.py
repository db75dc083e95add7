"""The daemon: watchers, schedule, recorder, and what runs beside them."""
