-- Photos as a person takes them, many at once: for the demo owner (seed.rs), the tests of query plans and the benchmarks.
-- Nothing here outlives the connection but the rows that pg_temp.seed_photos makes.

-- What the photos look like. The demo puts pictures that exist in their place.
CREATE TEMPORARY TABLE pictures AS
SELECT picture,
       3000000 + 70000 * picture AS size_bytes,
       sha256(picture::text::bytea) AS sha256,
       CASE WHEN picture % 3 = 0 THEN 3024 ELSE 4032 END AS width,
       CASE WHEN picture % 3 = 0 THEN 4032 ELSE 3024 END AS height,
       substr(sha256(picture::text::bytea), 1, 23) AS placeholder
FROM generate_series(0, 39) AS picture;

-- The first ones are used most. Those without a rank are rare, but for #wide and #tall, which go by a photo's shape: no
-- photo carries both.
CREATE TEMPORARY TABLE names AS
SELECT name, rank::integer
FROM unnest(string_to_array(
    'family travel summer friends home nature beach kids garden food sunset winter dog mountains birthday city sea party '
    'autumn spring hiking cat weekend christmas work music forest snow holidays wedding lake flowers greece crete italy '
    'evening morning night concert school football river cooking sky clouds street architecture car bike train boat '
    'camping island rome paris berlin london vienna lisbon athens naples venice prague amsterdam copenhagen stockholm '
    'oslo helsinki dublin edinburgh barcelona madrid seville porto istanbul budapest krakow zurich geneva alps dolomites '
    'tuscany sicily sardinia corsica provence brittany normandy bavaria tyrol cornwall wales scotland ireland iceland '
    'norway sweden finland denmark japan kyoto tokyo korea vietnam thailand bali india nepal morocco egypt kenya tanzania '
    'peru chile patagonia mexico cuba canada vancouver montreal yosemite arizona utah hawaii california oregon newyork '
    'boston chicago australia sydney newzealand anna ben clara david emma felix greta hannah ida jonas karl lena max nora '
    'oscar paul rosa sophie tom vera grandma grandpa baby twins cousins neighbours team picnic barbecue breakfast coffee '
    'cake bread wine market museum theatre gallery castle church bridge tower harbour lighthouse ferry airport station '
    'sunrise fog rain storm rainbow stars moon eclipse aurora waterfall cave desert dunes cliffs vineyard meadow orchard',
    ' ')) WITH ORDINALITY AS list (name, rank);
INSERT INTO names VALUES ('comet'), ('kingfisher'), ('proposal'), ('marathon'), ('firststeps'), ('wide'), ('tall');
INSERT INTO hashtags (name) SELECT name FROM names ORDER BY rank, name ON CONFLICT DO NOTHING;

-- Gives an owner so many photos more. They come in outings of thirty, over twelve years and closer together lately. A photo
-- has about three hashtags: two of its outing, one of its own (each the name at rank n with a chance of about 1/n, after
-- Zipf), its shape if it is one in five, and a rare one if it is one in a thousand.
CREATE FUNCTION pg_temp.seed_photos(the_owner bigint, how_many integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    outings double precision := ceil(how_many / 30.0);
    ranks integer := (SELECT max(rank) FROM names);
BEGIN
    CREATE TEMPORARY TABLE outing ON COMMIT DROP AS
    SELECT number,
           now() - interval '12 years' * power(1 - number / outings, 1.5) - interval '10 hours' * random() AS ended_at,
           floor(power(ranks + 1, random()))::integer AS first_rank,
           floor(power(ranks + 1, random()))::integer AS second_rank
    FROM generate_series(0, outings::integer - 1) AS number;

    CREATE TEMPORARY TABLE seeded ON COMMIT DROP AS
    SELECT number, picture, ended_at, first_rank, second_rank, floor(power(ranks + 1, random()))::integer AS own_rank, chance,
           -- Three shots in a row, to the second, as cameras write it: some photos share one.
           date_trunc('second', ended_at - interval '5 minutes' * (10 - number % 30 / 3) - interval '9 seconds' * random())
               AS taken_at,
           -- A version 7 UUID: the milliseconds since 1970, then random bits.
           (lpad(to_hex((extract(epoch FROM ended_at) * 1000)::bigint), 12, '0') || '7' || substr(bits, 1, 3) || '8'
               || substr(bits, 4, 15))::uuid AS id
    FROM (SELECT number, number / 30 AS in_outing, floor(random() * 40)::integer AS picture, random() AS chance,
                 md5(random()::text) AS bits
          FROM generate_series(0, how_many - 1) AS number) AS photo
    JOIN (SELECT number AS in_outing, ended_at, first_rank, second_rank FROM outing) AS its_outing USING (in_outing);

    INSERT INTO photos (id, owner_id, filename, content_type, size_bytes, sha256, width, height, placeholder, renditions_version, camera, title,
                        visibility, share_token, taken_at, created_at)
    SELECT id, the_owner, 'IMG_' || lpad((number % 10000)::text, 4, '0') || '.jpg', 'image/jpeg', size_bytes, sha256, width,
           height, placeholder, 2, (ARRAY['Fujifilm X-T5', 'Apple iPhone 15', 'Google Pixel 8', NULL])[1 + picture % 4],
           CASE WHEN chance < 0.05 THEN initcap((SELECT name FROM names WHERE rank = first_rank)) ELSE '' END,
           CASE WHEN chance < 0.01 THEN 'public' WHEN chance < 0.03 THEN 'link' ELSE 'private' END,
           CASE WHEN chance < 0.03 THEN left(translate(id::text || md5(id::text), '-', ''), 44) END,
           taken_at, ended_at
    FROM seeded JOIN pictures USING (picture)
    ORDER BY number;

    INSERT INTO photo_hashtags (owner_id, hashtag_id, taken_at, photo_id)
    SELECT the_owner, hashtags.id, carried.taken_at, carried.id
    FROM (SELECT id, taken_at, name FROM seeded JOIN names ON rank IN (first_rank, second_rank, own_rank)
          UNION
          SELECT id, taken_at, CASE WHEN height > width THEN 'tall' ELSE 'wide' END
          FROM seeded JOIN pictures USING (picture) WHERE chance > 0.8
          UNION
          SELECT id, taken_at, (ARRAY['comet', 'kingfisher', 'proposal', 'marathon', 'firststeps'])[1 + number % 5]
          FROM seeded WHERE chance BETWEEN 0.4 AND 0.401) AS carried
    JOIN hashtags USING (name)
    ORDER BY carried.taken_at, carried.id;
    DROP TABLE outing, seeded;
END $$;
