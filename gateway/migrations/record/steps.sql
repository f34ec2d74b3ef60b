-- Every permitted change of status, and which roles may take it; '-' is birth, no roles means any.
-- A CHECK cannot see the old row: without this a role that may update `status` takes `sealed` back to `released`.

CREATE TABLE edge (
  kind text NOT NULL, was text NOT NULL, becomes text NOT NULL, roles name[],
  PRIMARY KEY (kind, was, becomes));

INSERT INTO edge VALUES
  ('image', '-', 'waiting', '{clients}'),
  ('image', 'waiting', 'pending', '{screening,people,sweeper}'),
  ('image', 'waiting', 'canceled', '{clients,screening,people,sweeper}'),
  ('image', 'waiting', 'expired', '{sweeper}'),
  ('image', 'pending', 'generated', '{generation}'),
  ('image', 'pending', 'failed', '{generation}'),
  ('image', 'pending', 'canceled', '{clients,screening,people}'),
  ('image', 'pending', 'expired', '{sweeper}'),
  ('image', 'generated', 'granted', '{screening}'),
  ('image', 'generated', 'held', '{screening,sweeper}'),
  ('image', 'generated', 'rejected', '{screening}'),
  ('image', 'generated', 'failed', '{screening}'),
  ('image', 'generated', 'canceled', '{clients}'),
  ('image', 'held', 'generated', '{sweeper}'),
  ('image', 'held', 'granted', '{people,sweeper}'),
  ('image', 'held', 'rejected', '{people,sweeper}'),
  ('image', 'held', 'expired', '{sweeper}'),
  ('image', 'held', 'canceled', '{clients}'),
  ('image', 'granted', 'released', '{delivery}'),
  ('image', 'granted', 'failed', '{delivery}'),
  ('image', 'released', 'withdrawn', '{clients,people}'),
  ('image', 'sealed', 'held', '{people}'),
  ('prompt', 'unscored', 'cleared', '{screening}'),
  ('prompt', 'unscored', 'held', '{screening,sweeper}'),
  ('prompt', 'unscored', 'refused', '{screening,people}'),
  ('prompt', 'unscored', 'abandoned', '{clients,sweeper}'),
  ('prompt', 'held', 'unscored', '{sweeper}'),
  ('prompt', 'held', 'cleared', '{people,sweeper}'),
  ('prompt', 'held', 'refused', '{people,sweeper}'),
  ('prompt', 'held', 'abandoned', '{clients,sweeper}'),
  ('prompt', 'cleared', 'refused', '{people}'),
  ('prompt', 'abandoned', 'refused', '{people}'),
  ('generation', '-', 'screening', '{clients}'),
  ('generation', 'in_review', 'screening', '{sweeper}'),
  ('generation', 'blocked', 'in_review', '{people}'),
  ('generation', 'blocked', 'blocked', '{people}'),
  ('case', '-', 'open', '{screening,people,sweeper}'),
  ('case', 'open', 'decided', '{people}'),
  ('case', 'decided', 'open', '{people,sweeper}'),
  ('case', 'open', 'closed', '{clients,screening,people,sweeper}'),
  ('case', 'decided', 'closed', '{clients,screening,people,sweeper}');
INSERT INTO edge SELECT 'image', was, 'sealed', '{screening,people}'
  FROM unnest('{generated,held,granted,released,rejected,failed,canceled,expired,withdrawn}'::text[]) was;
INSERT INTO edge SELECT 'generation', was, becomes, NULL
  FROM unnest('{screening,in_review,generating}'::text[]) was,
       unnest('{in_review,generating,completed,blocked,failed,canceled,expired}'::text[]) becomes
  WHERE was <> becomes;
INSERT INTO edge SELECT 'generation', was, 'blocked', '{screening,people}'
  FROM unnest('{completed,failed,canceled,expired}'::text[]) was;

CREATE FUNCTION is_edge(a_kind text, a_was text, a_becomes text) RETURNS boolean LANGUAGE sql STABLE
  SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM edge
    WHERE kind = a_kind AND was = coalesce(a_was, '-') AND becomes = a_becomes
      AND (roles IS NULL OR session_user = ANY (roles))) $$;

-- Deferred: at commit there is an entry of this very transaction for the change, and the change is a step of this role.
CREATE FUNCTION step_allowed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  about uuid := NEW.id;
  said text := NEW.status;
BEGIN
  IF TG_TABLE_NAME = 'image' AND TG_OP = 'INSERT' THEN  -- an image is born with its generation, under its entry
    about := NEW.generation_id;
    said := 'screening';
  END IF;
  PERFORM FROM audit WHERE at = now() AND xid = pg_current_xact_id() AND target_id = about
    AND to_status = said AND from_status IS NOT DISTINCT FROM OLD.status;
  IF NOT FOUND THEN
    RAISE EXCEPTION '% %: % -> % has no audit entry', TG_TABLE_NAME, NEW.id, OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'audited';
  END IF;
  IF NOT is_edge(TG_ARGV[0], OLD.status, NEW.status) THEN
    RAISE EXCEPTION '% %: % -> % is no step of %', TG_TABLE_NAME, NEW.id, OLD.status, NEW.status, session_user
      USING ERRCODE = 'check_violation', CONSTRAINT = 'edge';
  END IF;
  RETURN NULL;
END $$;
DO $$
DECLARE
  a_table text;
  a_kind text;
BEGIN
  FOR a_table, a_kind IN VALUES ('generation', 'generation'), ('image', 'image'), ('review_case', 'case') LOOP
    EXECUTE format('CREATE CONSTRAINT TRIGGER step_allowed AFTER UPDATE ON %I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
      WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION step_allowed(%L)', a_table, a_kind);
    EXECUTE format('CREATE CONSTRAINT TRIGGER birth_allowed AFTER INSERT ON %I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
      EXECUTE FUNCTION step_allowed(%L)', a_table, a_kind);
  END LOOP;
END $$;
CREATE CONSTRAINT TRIGGER seal_audited AFTER UPDATE ON generation DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.status = NEW.status AND OLD.sealed_at IS DISTINCT FROM NEW.sealed_at) EXECUTE FUNCTION step_allowed('generation');

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'change of % refused: %', TG_TABLE_NAME, TG_ARGV[0]
    USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END $$;

CREATE TRIGGER prompt_step BEFORE UPDATE ON generation FOR EACH ROW
  WHEN (OLD.prompt_state <> NEW.prompt_state AND NOT is_edge('prompt', OLD.prompt_state, NEW.prompt_state))
  EXECUTE FUNCTION refuse('no step of this role');
CREATE TRIGGER flag_stays BEFORE UPDATE ON image FOR EACH ROW
  WHEN (OLD.hold_anyway AND NOT NEW.hold_anyway) EXECUTE FUNCTION refuse('held whatever it scores');
CREATE TRIGGER attempt_grows BEFORE UPDATE OF attempt ON generation FOR EACH ROW
  WHEN (NEW.attempt < OLD.attempt) EXECUTE FUNCTION refuse('a late worker would be let in again');
CREATE TRIGGER attempt_grows BEFORE UPDATE OF attempt ON image FOR EACH ROW
  WHEN (NEW.attempt < OLD.attempt) EXECUTE FUNCTION refuse('a late worker would be let in again');
CREATE TRIGGER version_grows BEFORE UPDATE OF version ON review_case FOR EACH ROW
  WHEN (NEW.version < OLD.version) EXECUTE FUNCTION refuse('an old decision would count again');

-- What was screened is what is made: words are forgotten, never changed.
CREATE TRIGGER words_stay BEFORE UPDATE ON prompt FOR EACH ROW
  WHEN ((NEW.text IS NOT NULL AND NEW.text IS DISTINCT FROM OLD.text)
    OR (NEW.negative_text IS NOT NULL AND NEW.negative_text IS DISTINCT FROM OLD.negative_text))
  EXECUTE FUNCTION refuse('only ever forgotten');

-- Back to the checkers: once, and only what was held because none lived.
CREATE TRIGGER look_again BEFORE UPDATE ON image FOR EACH ROW
  WHEN ((OLD.looked_again AND NOT NEW.looked_again)
    OR (OLD.status = 'held' AND NEW.status = 'held' AND OLD.held_why <> NEW.held_why)
    OR (OLD.status = 'held' AND NEW.status = 'generated'
        AND NOT (OLD.held_why = 'unscreened-no-checker' AND NEW.looked_again)))
  EXECUTE FUNCTION refuse('not for a second look');
CREATE TRIGGER look_again BEFORE UPDATE ON generation FOR EACH ROW
  WHEN ((OLD.looked_again AND NOT NEW.looked_again)
    OR (OLD.prompt_state = 'held' AND NEW.prompt_state = 'held' AND OLD.held_why <> NEW.held_why)
    OR (OLD.prompt_state = 'held' AND NEW.prompt_state = 'unscored'
        AND NOT (OLD.held_why = 'unscreened-no-checker' AND NEW.looked_again)))
  EXECUTE FUNCTION refuse('not for a second look');

-- Held if and only if exactly one case of its kind is open or decided; rows are read as they are at commit.
CREATE FUNCTION held_iff_case() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  a_generation uuid;
  an_image uuid;
  held boolean;
  cases int;
BEGIN
  IF TG_TABLE_NAME = 'image' THEN an_image := NEW.id;
  ELSIF TG_TABLE_NAME = 'generation' THEN a_generation := NEW.id;
  ELSIF NEW.kind = 'image' THEN an_image := NEW.image_id;
  ELSE a_generation := NEW.generation_id;
  END IF;
  IF an_image IS NOT NULL THEN
    SELECT status = 'held', (SELECT count(*) FROM review_case
        WHERE image_id = an_image AND kind = 'image' AND status IN ('open', 'decided'))
      INTO held, cases FROM image WHERE id = an_image;
  ELSE
    SELECT prompt_state = 'held', (SELECT count(*) FROM review_case
        WHERE generation_id = a_generation AND kind = 'prompt' AND status IN ('open', 'decided'))
      INTO held, cases FROM generation WHERE id = a_generation;
  END IF;
  IF cases <> held::int THEN
    RAISE EXCEPTION 'held: %, open or decided cases: % (image %, generation %)', held, cases, an_image, a_generation
      USING ERRCODE = 'check_violation', CONSTRAINT = 'held_iff_case';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER held_changed AFTER UPDATE ON image DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.status = 'held') <> (NEW.status = 'held')) EXECUTE FUNCTION held_iff_case();
CREATE CONSTRAINT TRIGGER held_changed AFTER UPDATE ON generation DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.prompt_state = 'held') <> (NEW.prompt_state = 'held')) EXECUTE FUNCTION held_iff_case();
CREATE CONSTRAINT TRIGGER held_born AFTER INSERT ON review_case DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.kind IN ('prompt', 'image')) EXECUTE FUNCTION held_iff_case();
CREATE CONSTRAINT TRIGGER held_changed AFTER UPDATE ON review_case DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.kind IN ('prompt', 'image') AND (OLD.status = 'closed') <> (NEW.status = 'closed'))
  EXECUTE FUNCTION held_iff_case();
