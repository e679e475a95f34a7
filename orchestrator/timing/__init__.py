"""When things happen: cron, intervals, calendars and windows, as pure values; and schedules made of them."""
