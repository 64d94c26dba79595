sqlalchemy_url = "a"
x = 1 + \
 2
sqlalchemy_url += "b"
