x = 0x1F; y = 1_000.5e-3; z = -1j
sqlalchemy_url, postgres_schema = "a", "b"
del z
assert x
