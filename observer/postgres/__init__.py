"""A PostgreSQL session with hard deadlines, shared by sources and traffic."""
