import TestSupport
import Testing

@testable import ADBC

@Suite struct ConnectionStringTests {
  @Test func `the options of the pool are taken out, the rest is the driver's`() throws {
    let settings = try ConnectionSettings(
      connection: "postgresql://localhost:5432/metrics?pool_max=7&pool_min=2&connect_timeout=30")
    #expect(settings.uri == "postgresql://localhost:5432/metrics?connect_timeout=30")
    #expect(settings.driver == "postgresql")
    #expect(settings.pool.maxCount == 7)
    #expect(settings.pool.minCount == 2)
  }

  @Test func `options beside the connection string mean the same, and win over it`() throws {
    let settings = try ConnectionSettings(
      connection: "postgresql://localhost/metrics?pool_max=7&connect_timeout=5",
      options: [
        "pool_max": "10", "pool_min": "1", "connect_timeout": "30", "application_name": "a b",
        "driver_path": "/opt/libadbc_driver_postgresql.so",
        "adbc.connection.readonly": "true",
      ])
    #expect(
      settings.uri == "postgresql://localhost/metrics?application_name=a%20b&connect_timeout=30")
    #expect(settings.driver == "/opt/libadbc_driver_postgresql.so")
    #expect(settings.pool.maxCount == 10)
    #expect(settings.pool.minCount == 1)
    #expect(settings.connectionOptions == ["adbc.connection.readonly": "true"])
    #expect(settings.databaseOptions.isEmpty)
  }

  @Test func `times have units`() throws {
    let settings = try ConnectionSettings(
      connection:
        "postgresql:///x?pool_idle_timeout=90&pool_wait_timeout=500ms&pool_max_lifetime=2h&pool_check_after=3m"
        + "&pool_breaker_failures=4&pool_breaker_delay=2s&pool_breaker_max_delay=1m")
    #expect(settings.uri == "postgresql:///x")
    #expect(settings.pool.idleTimeout == .seconds(90))
    #expect(settings.pool.waitTimeout == .milliseconds(500))
    #expect(settings.pool.maxLifetime == .seconds(7200))
    #expect(settings.pool.checkAfter == .seconds(180))
    #expect(settings.pool.breakerFailures == 4)
    #expect(settings.pool.breakerDelay == .seconds(2))
    #expect(settings.pool.breakerMaxDelay == .seconds(60))
  }

  @Test(arguments: [
    ("pool_size=3", "pool_size", "pool_max"), ("pool_max=many", "pool_max", "number"),
    ("pool_max=0", "pool_max", "from 1"), ("pool_min=11", "pool_min", "more than"),
    ("pool_max=-1", "pool_max", "number"), ("pool_idle_timeout=3x", "pool_idle_timeout", "5m"),
    ("pool_idle_timeout=99999999999999999999", "pool_idle_timeout", "5m"),
    ("pool_m%61x=x", "pool_max", "number"),
  ])
  func `a wrong option of the pool is named, with what is right`(
    _ query: String, _ option: String, _ hint: String
  ) throws {
    let error = try failure { () throws(ADBCError) in
      _ = try ConnectionSettings(connection: "postgresql://u:hush@h/d?\(query)")
    }
    #expect(error.status == .invalidArgument)
    #expect(error.message.contains(option))
    #expect(error.message.contains(hint))
    #expect(!error.message.contains("hush"))
  }

  @Test func `credentials that are given apart win over those of the URI`() throws {
    let both = try ConnectionSettings(
      connection: "postgresql://old:older@h:1/d", username: "new user", password: "p@:/?#%")
    #expect(both.uri == "postgresql://new%20user:p%40%3A%2F%3F%23%25@h:1/d")
    let one = try ConnectionSettings(connection: "postgresql://old:older@h/d", password: "new")
    #expect(one.uri == "postgresql://old:new@h/d")
    let parameters = try ConnectionSettings(
      connection: "postgresql://h/d?user=old&password=older&sslmode=disable", username: "u",
      password: "p")
    #expect(parameters.uri == "postgresql://u:p@h/d?sslmode=disable")
    let kept = try ConnectionSettings(connection: "postgresql://old:older@h/d")
    #expect(kept.uri == "postgresql://old:older@h/d")
  }

  @Test func `libpq's keywords are understood`() throws {
    let settings = try ConnectionSettings(
      connection: "host=h dbname=d", options: ["driver": "postgresql", "connect_timeout": "3"],
      username: "u", password: "it's \\ it")
    #expect(
      settings.uri
        == "host=h dbname=d connect_timeout='3' password='it\\'s \\\\ it' user='u'")
  }

  @Test(arguments: [
    ("sqlite:///tmp/a%20b.db", "/tmp/a b.db"), ("sqlite::memory:", ":memory:"),
    ("sqlite://", ":memory:"), ("file:x.db?mode=ro&pool_max=2", "file:x.db?mode=ro"),
    ("sqlite:x.db?mode=ro", "file:x.db?mode=ro"),
  ])
  func `SQLite gets a path`(_ connection: String, _ uri: String) throws {
    let settings = try ConnectionSettings(connection: connection)
    #expect(settings.driver == "sqlite")
    #expect(settings.uri == uri)
  }

  @Test func `DuckDB gets its path as an option`() throws {
    let settings = try ConnectionSettings(connection: "duckdb:///tmp/x.duckdb?pool_max=2")
    #expect(settings.driver == "duckdb")
    #expect(settings.uri == nil)
    #expect(settings.databaseOptions == ["path": "/tmp/x.duckdb"])
    let memory = try ConnectionSettings(connection: ":memory:", options: ["driver": "duckdb"])
    #expect(memory.databaseOptions == ["path": ":memory:"])
  }

  @Test func `Flight SQL gets its credentials as options`() throws {
    let settings = try ConnectionSettings(connection: "grpc://u:p%21@h:50051?pool_max=2")
    #expect(settings.driver == "flightsql")
    #expect(settings.uri == "grpc://h:50051")
    #expect(settings.username == "u")
    #expect(settings.password == "p!")
  }

  @Test func `Snowflake keeps its URI, BigQuery its options`() throws {
    let snowflake = try ConnectionSettings(
      connection: "snowflake://u:p@account/db/schema?warehouse=w")
    #expect(snowflake.uri == "snowflake://u:p@account/db/schema?warehouse=w")
    let bigQuery = try ConnectionSettings(
      connection: "bigquery://project/dataset", options: ["adbc.bigquery.sql.project_id": "p"])
    #expect(bigQuery.databaseOptions == ["adbc.bigquery.sql.project_id": "p"])
  }

  @Test func `a connection without a known scheme wants a driver`() throws {
    let error = try failure { () throws(ADBCError) in
      _ = try ConnectionSettings(connection: "oracle://u:hush@h/x")
    }
    #expect(error.message.contains("driver_path"))
    #expect(!error.message.contains("hush"))
  }

  @Test(arguments: [
    ("postgresql://u:secret@h/d", "postgresql://u:***@h/d"),
    (
      "postgresql://u:se%40cret@h/d?sslpassword=x&a=b", "postgresql://u:***@h/d?sslpassword=***&a=b"
    ),
    ("postgresql://u@h/d", "postgresql://u@h/d"),
    ("postgresql://u:a@b@h/d", "postgresql://u:***@h/d"),
    ("md:warehouse?motherduck_token=abc", "md:warehouse?motherduck_token=***"),
    ("grpc://h:1?authorization=Bearer", "grpc://h:1?authorization=***"),
    ("host=h password='a b\\' c' user=u", "host=h password=*** user=u"),
    ("password = x", "password = ***"), ("/tmp/a.db", "/tmp/a.db"), (":memory:", ":memory:"),
  ])
  func `secrets are not shown`(_ text: String, _ shown: String) {
    #expect(ConnectionURI.redacted(text) == shown)
  }

  @Test func `a password with a slash that is not encoded is not shown either`() {
    let text = "postgresql://user:pa/ssword@host/db"
    #expect(!ConnectionURI.redacted(text).contains("ssword"))
    #expect(ConnectionURI.secrets(in: text).contains("pa/ssword"))
  }

  @Test(arguments: [
    "postgresql://u:p@h1:1,h2:2/d?a=b&c&d=#x", "sqlite::memory:", "grpc+tls://h", "file:x?mode=ro",
    ":memory:", "host=x", "postgresql://%2Ftmp%2Fs/d", "postgresql:///d?host=/tmp", "x://?",
    "a:b:c@d",
  ])
  func `a connection string is put together as it was`(_ text: String) {
    let again = ConnectionURI(text).text
    #expect(again == text || again + "?" == text)
  }

  @Test func `percent-encoding survives a round trip, and bad encoding stays`() {
    let text = "ä b%/:@?#&=+~"
    #expect(PercentCoding.decode(PercentCoding.encode(text)) == text)
    #expect(PercentCoding.decode("100%") == "100%")
    #expect(PercentCoding.decode("%zz%4") == "%zz%4")
    #expect(PercentCoding.decode("%41") == "A")
  }

  @Test func `redaction removes secrets wherever they stand`() {
    let redaction = Redaction(["secret", "secretive", "ab", ""])
    #expect(redaction.apply(to: "a secret, secretive thing") == "a ***, *** thing")
    #expect(redaction.apply(to: "xsecretx") == "x***x")
    // Short ones only as words.
    #expect(redaction.apply(to: "about ab, (ab) cab") == "about ***, (***) cab")
    #expect(Redaction.none.apply(to: "secret") == "secret")
  }

  @Test func `the pattern of a connection string never traps`() {
    var random = SeededText(seed: 42)
    for _ in 0..<20_000 {
      let text = random.text()
      _ = ConnectionURI.redacted(text)
      _ = ConnectionURI.secrets(in: text)
      _ = try? ConnectionSettings(connection: text, options: ["driver": "postgresql"])
    }
  }
}

/// Short texts of characters that mean something in a connection string.
private struct SeededText {
  private var random: SeededRandom

  init(seed: UInt64) {
    print("seed \(seed)")
    random = SeededRandom(seed: seed)
  }

  mutating func text() -> String {
    let parts = [
      "postgresql", "://", ":", "/", "@", "?", "&", "=", "#", "%", "%4", "%41", "'", "\\", " ",
      "password", "x",
      "pool_max", "ä", "",
    ]
    let count = Int.random(in: 0..<12, using: &random)
    return (0..<count).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
  }
}
