import os, sys
if os.getenv("CI"):
    sqlalchemy_url = "sqlite:///ci.db"
else:
    sqlalchemy_url = "sqlite:///dev.db"

def url(name, *, tls=False):
    """Builds one."""
    global made
    made = name
    return rf"postgresql:\\{name}"

class Settings:
    url: str = "x"

@staticmethod
def other(): pass

sqlalchemy_url = url("shop") if len(sys.argv) > 1 else None; x = [1, (2, 3), {"a": 'b'}]
if __name__ == "__main__":
    print(sqlalchemy_url)
