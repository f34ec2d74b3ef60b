-- What the sweeper may know of people: where those want to be told who may still sign in, and of which queues. Of a
-- reviewer's wishes those queues count that they work in; the password and the rest of the account stay out of it.
CREATE VIEW notice_recipient AS
  SELECT r.user_id, r.address, r.every_s, r.waits_s, r.only_first, r.quiet_from, r.quiet_until, r.time_zone,
         ARRAY(SELECT q.id FROM queue q
           WHERE (r.queue_ids = '{}' OR q.id = ANY (r.queue_ids))
             AND (p.role = 'operator'
               OR q.id IN (SELECT a.queue_id FROM queue_assignment a WHERE a.user_id = r.user_id)
               OR NOT EXISTS (SELECT FROM queue_assignment a WHERE a.user_id = r.user_id))
           ORDER BY q.id) AS queue_ids
    FROM notice_rule r JOIN person p ON p.id = r.user_id
   WHERE p.is_active AND p.role IN ('reviewer', 'senior', 'operator');
