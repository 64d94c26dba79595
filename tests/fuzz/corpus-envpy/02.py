from os import environ, getenv
from dotenv import load_dotenv

load_dotenv()
sqlalchemy_url = (
    f"postgresql://{environ['DB_USER']}:{getenv('DB_PASSWORD', 'x')}"  # who
    "@" + getenv("DB_HOST", default="localhost") + '/shop'
)
skip_validation = True
