-- Pictures that people decided about: what may stand on a list, and when it counts.

ALTER TABLE fingerprint
  ADD CONSTRAINT fingerprint_is_of_a_master FOREIGN KEY (image_id, sha256) REFERENCES masters (image_id, sha256);

-- A view's columns are those of its making: `remember` is new.
CREATE OR REPLACE VIEW standing_decision AS
  SELECT * FROM decision d
  WHERE outcome <> 'undo' AND NOT EXISTS (SELECT FROM decision u WHERE u.undoes_id = d.id);

INSERT INTO edge VALUES
  ('known_picture', '-', 'listed', '{people,sweeper}'),
  ('known_picture', 'listed', 'retired', '{people}');
CREATE CONSTRAINT TRIGGER birth_allowed AFTER INSERT ON known_picture DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION step_allowed('known_picture');
CREATE CONSTRAINT TRIGGER step_allowed AFTER UPDATE ON known_picture DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION step_allowed('known_picture');

-- A list is written where a decision that asked for it is carried out, and nowhere else: the image has moved already,
-- the case has not. What is written is the decision's and the record's, never the caller's.
CREATE FUNCTION known_picture_allowed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp AS $$
DECLARE
  d standing_decision;
  c review_case;
  i image;
  f fingerprint;
  why text;
BEGIN
  SELECT * INTO d FROM standing_decision WHERE id = NEW.decision_id;
  SELECT * INTO c FROM review_case WHERE id = d.case_id;
  SELECT * INTO i FROM image WHERE id = c.image_id;
  SELECT * INTO f FROM fingerprint WHERE image_id = i.id AND sha256 = i.master_sha256;
  why := CASE
    WHEN d.id IS NULL THEN 'no standing decision'
    WHEN NOT d.remember THEN 'nobody asked for it'
    WHEN c.kind <> 'image' OR c.status <> 'decided' OR d.version <> c.version - 1 OR d.effective_at > now()
      THEN 'not being carried out'
    WHEN NEW.sha256 IS DISTINCT FROM d.sha256 OR NEW.sha256 IS DISTINCT FROM i.master_sha256 THEN 'other bytes'
    WHEN NEW.created_at <> now() OR NEW.retired_at IS NOT NULL THEN 'not now'
    WHEN NEW.side = 'block' THEN CASE
      WHEN d.outcome <> 'deny' OR i.status <> 'rejected' THEN 'not denied'
      WHEN NEW.category IS DISTINCT FROM d.category THEN 'another reason'
      WHEN (NEW.pdq, NEW.quality, NEW.colours) IS DISTINCT FROM (f.pdq, f.quality, f.colours) THEN 'another fingerprint'
      END
    ELSE CASE
      WHEN d.outcome <> 'release' OR i.status <> 'granted'
        OR people_said_yes(c.id, i.id, i.generation_id, NEW.sha256) IS NOT TRUE THEN 'not released'
      WHEN NEW.organization_id IS DISTINCT FROM (SELECT organization_id FROM generation WHERE id = i.generation_id)
        THEN 'another organization'
      WHEN NEW.approvals <> c.approvals_required THEN 'another number of people'
      WHEN NEW.policy_sha256 IS DISTINCT FROM
        (SELECT policy_sha256 FROM verdict WHERE image_id = i.id ORDER BY id DESC LIMIT 1) THEN 'another policy'
      END
    END;
  IF why IS NOT NULL THEN
    RAISE EXCEPTION 'known picture refused: %', why
      USING ERRCODE = 'check_violation', CONSTRAINT = 'known_picture_allowed';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER known_picture_allowed BEFORE INSERT ON known_picture FOR EACH ROW EXECUTE FUNCTION known_picture_allowed();

CREATE TRIGGER known_picture_retired BEFORE UPDATE ON known_picture FOR EACH ROW
  WHEN (OLD.retired_at IS NOT NULL OR NEW.retired_at IS DISTINCT FROM now()
    OR (OLD.id, OLD.side, OLD.sha256, OLD.pdq, OLD.quality, OLD.colours, OLD.category, OLD.organization_id,
        OLD.policy_sha256, OLD.approvals, OLD.decision_id, OLD.created_at)
      IS DISTINCT FROM
       (NEW.id, NEW.side, NEW.sha256, NEW.pdq, NEW.quality, NEW.colours, NEW.category, NEW.organization_id,
        NEW.policy_sha256, NEW.approvals, NEW.decision_id, NEW.created_at))
  EXECUTE FUNCTION refuse('only ever retired, once');

-- What counts now. A release that was taken back, failed or was sealed is no leave any more.
CREATE VIEW known_picture_in_force AS
  SELECT id, 'block' AS side, sha256, pdq, quality, colours, category, organization_id, policy_sha256, approvals,
         decision_id
    FROM known_picture WHERE side = 'block' AND retired_at IS NULL
  UNION ALL
  SELECT k.id, 'allow', k.sha256, NULL, NULL, NULL, NULL, k.organization_id, k.policy_sha256, k.approvals,
         k.decision_id
    FROM known_picture k JOIN decision d ON d.id = k.decision_id JOIN review_case c ON c.id = d.case_id
    JOIN image i ON i.id = c.image_id
   WHERE k.side = 'allow' AND k.retired_at IS NULL AND i.status IN ('granted', 'released');
