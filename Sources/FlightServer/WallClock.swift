internal import Glibc

/// The time of day, for moments that clients are told.
enum WallClock {
  static var secondsSince1970: Int64 { Int64(time(nil)) }
}
