-- Runs again whenever this file changes.
DROP VIEW IF EXISTS order_totals;
CREATE VIEW order_totals AS
SELECT o.id, o.state, c.name AS customer, count(l.product_id) AS lines, coalesce(sum(l.pieces * l.price_cents), 0) AS total_cents
FROM orders AS o
JOIN customers AS c ON c.id = o.customer_id
LEFT JOIN order_lines AS l ON l.order_id = o.id
GROUP BY o.id;
