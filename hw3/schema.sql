-- Схема домашнего задания; сам скрипт лежит в stack/schema.sql, один на все способы запуска:
--   psql -h localhost -p 5001 -U postgres -f schema.sql
\ir ../stack/schema.sql
