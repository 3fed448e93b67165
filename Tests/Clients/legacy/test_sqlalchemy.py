"""SQLAlchemy through sqlalchemy-gizmosql-adbc-dialect: core, reflection, ORM, transactions."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


@pytest.fixture
def engine(server):
    host, port = server.url.removeprefix("grpc://").split(":")
    engine = sa.create_engine(f"gizmosql://someone:secret@{host}:{port}?useEncryption=False")
    yield engine
    engine.dispose()


def test_text(engine):
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT 1 + 1")).scalar() == 2
        assert connection.execute(sa.text("SELECT :a || :b"), {"a": "x", "b": "y"}).scalar() == "xy"


def test_core(engine, unique):
    table = sa.Table(unique, sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True, autoincrement=False), sa.Column("name", sa.String))
    table.create(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
    with engine.connect() as connection:
        assert connection.execute(sa.select(table).order_by(table.c.id)).fetchall() == [(1, "a"), (2, "b")]
    table.drop(engine)
    assert not sa.inspect(engine).has_table(unique)


def test_reflection(engine, unique):
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE TABLE {unique}(id INTEGER PRIMARY KEY, name VARCHAR NOT NULL, price DECIMAL(9, 2))"))
    inspector = sa.inspect(engine)
    assert unique in inspector.get_table_names()
    assert [column["name"] for column in inspector.get_columns(unique)] == ["id", "name", "price"]
    assert "main" in inspector.get_schema_names()


def test_a_rolled_back_transaction_leaves_nothing(engine, unique):
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE TABLE {unique}(n INTEGER)"))
    with engine.connect() as connection:
        transaction = connection.begin()
        connection.execute(sa.text(f"INSERT INTO {unique} VALUES (1)"))
        transaction.rollback()
    with engine.connect() as connection:
        assert connection.execute(sa.text(f"SELECT count(*) FROM {unique}")).scalar() == 0


def test_the_object_relational_way(engine, unique):
    class Base(DeclarativeBase):
        pass

    class Person(Base):
        __tablename__ = unique
        id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
        name: Mapped[str]

    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Person(id=1, name="ann"), Person(id=2, name="bob")])
        session.commit()
        bob = session.scalars(sa.select(Person).where(Person.name == "bob")).one()
        bob.name = "rob"
        session.commit()
    with Session(engine) as session:
        assert session.scalars(sa.select(Person.name).order_by(Person.id)).all() == ["ann", "rob"]
