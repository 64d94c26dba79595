-- Runs with every upgrade: the goods the shop always has.
INSERT INTO products (sku, title, price_cents) VALUES
    ('TEA-EARL', 'Earl Grey, 100 g', 590),
    ('TEA-SENCHA', 'Sencha, 100 g', 890),
    ('CUP-BLUE', 'Blue cup', 1250),
    ('POT-IRON', 'Cast iron pot', 4900)
ON CONFLICT (sku) DO UPDATE SET title = excluded.title, price_cents = excluded.price_cents;
