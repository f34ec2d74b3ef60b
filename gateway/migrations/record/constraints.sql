-- What CHECK and composite foreign keys refuse, beyond what the models say.
-- Run by the owner, in the first migration.

ALTER TABLE generation SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE image SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE review_case SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01);

-- Bytes, grant and file belong together: no caller can mix up those of two images.
ALTER TABLE image
  ADD CONSTRAINT image_has_its_master FOREIGN KEY (id, master_sha256) REFERENCES masters (image_id, sha256),
  ADD CONSTRAINT image_has_its_grant FOREIGN KEY (grant_id, id, master_sha256)
    REFERENCES release_grant (id, image_id, master_sha256),
  ADD CONSTRAINT image_has_its_publication FOREIGN KEY (grant_id, encoded_sha256)
    REFERENCES publication (grant_id, encoded_sha256);
ALTER TABLE release_grant
  ADD CONSTRAINT grant_is_of_a_master FOREIGN KEY (image_id, master_sha256) REFERENCES masters (image_id, sha256);
ALTER TABLE review_case
  ADD CONSTRAINT case_image_is_of_its_generation FOREIGN KEY (image_id, generation_id) REFERENCES image (id, generation_id);
ALTER TABLE decision
  ADD CONSTRAINT effective_within_a_minute CHECK (effective_at BETWEEN at AND at + interval '60 seconds');

CREATE VIEW standing_decision AS
  SELECT * FROM decision d
  WHERE outcome <> 'undo' AND NOT EXISTS (SELECT FROM decision u WHERE u.undoes_id = d.id);

INSERT INTO gate (max_unfinished) VALUES (10000);
INSERT INTO queue (name) VALUES ('review');
