DROP TABLE strays;
