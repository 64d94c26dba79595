CREATE TABLE coupons (
    code TEXT PRIMARY KEY,
    percent INTEGER NOT NULL CHECK (percent BETWEEN 1 AND 90),
    valid_until TEXT
) WITHOUT ROWID;
ALTER TABLE orders ADD COLUMN coupon TEXT REFERENCES coupons (code);

-- rollback
ALTER TABLE orders DROP COLUMN coupon;
DROP TABLE coupons;
