"""The database: tables, their migrations, and the questions asked of them. No bus, no services."""
