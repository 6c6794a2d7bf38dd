DROP TRIGGER public_hashtag_counts_again ON public_hashtag_counts;
DROP TRIGGER public_hashtag_counts_first ON public_hashtag_counts;
DROP FUNCTION show_hashtag();
ALTER TABLE hashtags DROP COLUMN hidden;
ALTER TABLE hashtags DROP COLUMN shown;
ALTER TABLE hashtags DROP COLUMN listed_by;
