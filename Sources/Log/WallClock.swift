#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// The time of the machine.
public enum WallClock {
  /// Microseconds since 1970-01-01 00:00 UTC. May jump.
  public static let microseconds: @Sendable () -> Int64 = {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
  }
}
