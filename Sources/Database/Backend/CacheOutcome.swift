internal import Telemetry

/// What the cache had to do with a result.
public enum CacheOutcome: Hashable, Sendable {
  /// It was there, and so old.
  case hit(Duration)
  case miss
  /// Copies of these tables have answered it; the oldest is so old.
  case table(String, Duration)
  /// The cache was not asked; why.
  case bypass(String)
  /// It was there, and may be older than what was acknowledged: the database cannot be asked, or the session or the statement allows it. So long
  /// ago the oldest change was acknowledged that may be missing, if some may be.
  case stale(Duration, lag: Duration?)
  /// The database answered, and may not have had all that was acknowledged.
  case lagging(Duration)
}

extension CacheOutcome {
  /// For `app_metadata`: `{"cache":"hit","age_ms":12.5}`, `{"cache":"miss"}` or `{"cache":"bypass","reason":"it calls now"}`.
  public var json: String {
    switch self {
    case .hit(let age): "{\"cache\":\"hit\",\"age_ms\":\(max(0, age.milliseconds))}"
    case .miss: "{\"cache\":\"miss\"}"
    case .table(let name, let age):
      "{\"cache\":\"table\",\"table\":\(JSONText.quoted(name)),\"age_ms\":\(max(0, age.milliseconds))}"
    case .bypass(let reason):
      "{\"cache\":\"bypass\",\"reason\":\(JSONText.quoted(reason))}"
    case .stale(let age, let lag):
      "{\"cache\":\"hit\",\"age_ms\":\(max(0, age.milliseconds)),\"stale\":true"
        + (lag.map { ",\"lag_ms\":\($0.milliseconds)" } ?? "") + "}"
    case .lagging(let lag):
      "{\"cache\":\"miss\",\"stale\":true,\"lag_ms\":\(lag.milliseconds)}"
    }
  }
}
