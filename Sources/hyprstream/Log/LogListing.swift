internal import Database
private import Log
private import Telemetry

/// The table that `hyprstream log list` prints: tabs between, one line per stream.
enum LogListing {
  static func lines(_ streams: [StoredStream]) -> [String] {
    let head = [
      "stream", "topic", "first_offset", "next_offset", "bytes", "durability", "last_ingest",
      "watermark", "ended", "cold_rows", "cold_bytes",
    ]
    return [head.joined(separator: "\t")] + streams.map(line)
  }

  private static func line(_ stream: StoredStream) -> String {
    let state = stream.state
    return [
      stream.name, "\(stream.topic.rawValue)", "\(state.start.rawValue)",
      "\(state.head.rawValue)", "\(state.byteCount)", "\(state.settings.durability)",
      time(state.lastIngestMicroseconds), time(state.watermarkMicroseconds),
      state.isEnded ? "yes" : "no", "\(state.hotStart.rawValue - state.start.rawValue)",
      "\(state.coldByteCount)",
    ].joined(separator: "\t")
  }

  /// ISO 8601 in UTC with milliseconds, or `-`.
  private static func time(_ microseconds: Int64?) -> String {
    microseconds.map { WallTime(milliseconds: $0 / 1_000).iso8601 } ?? "-"
  }
}
