DROP TRIGGER photos_uncounted ON photos;
DROP TRIGGER photos_counted ON photos;
DROP FUNCTION uncount_photos();
DROP FUNCTION count_photos();
DROP TABLE photo_counts;
