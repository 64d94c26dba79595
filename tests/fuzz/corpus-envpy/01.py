"""Configuration of the shop."""
import os
from pathlib import Path

BASE = Path(__file__).resolve().parent
sqlalchemy_url: str = os.environ.get("DATABASE_URL", "sqlite:///shop.db")
postgres_schema = None
