DROP TABLE removals;
DROP TABLE hashtag_counts;
DROP TABLE photo_hashtags;
DROP FUNCTION count_hashtags;
DROP FUNCTION uncount_hashtags;
DROP TABLE hashtags;
DROP TABLE photos;
