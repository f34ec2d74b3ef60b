-- Pictures that look like another, found by an index. Two PDQ hashes that differ in at most 31 of 256 bits differ in at
-- most one bit of at least one of their sixteen bands of 16 bits, since sixteen bands with two each would make 32.
-- So a search for a band and its sixteen neighbours misses none; who is found is then measured exactly.
-- Source: Norouzi, Punjani, Fleet, "Fast search in Hamming space with multi-index hashing", CVPR 2012.

-- A band and its number in one integer.
CREATE FUNCTION pdq_bands(pdq bytea) RETURNS int[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ARRAY(SELECT band << 16 | get_byte(pdq, 2 * band) << 8 | get_byte(pdq, 2 * band + 1)
    FROM generate_series(0, 15) AS band);

CREATE FUNCTION pdq_near_bands(pdq bytea) RETURNS int[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ARRAY(SELECT band # flip
    FROM unnest(pdq_bands(pdq)) AS band, unnest(0 || ARRAY(SELECT 1 << bit FROM generate_series(0, 15) AS bit)) AS flip);

CREATE FUNCTION pdq_distance(one bytea, other bytea) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN bit_count(('x' || encode(one, 'hex'))::bit(256) # ('x' || encode(other, 'hex'))::bit(256));
