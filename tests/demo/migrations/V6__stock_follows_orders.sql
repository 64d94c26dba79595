-- What is ordered leaves the shelf.
CREATE TRIGGER order_lines_take_stock AFTER INSERT ON order_lines
BEGIN UPDATE stock SET pieces = pieces - new.pieces WHERE product_id = new.product_id; END;
CREATE TRIGGER products_have_stock AFTER INSERT ON products
BEGIN INSERT INTO stock (product_id) VALUES (new.id); END;

-- rollback
DROP TRIGGER products_have_stock;
DROP TRIGGER order_lines_take_stock;
