DROP TABLE chores;
DROP TABLE instance;
