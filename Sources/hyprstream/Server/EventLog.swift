internal import DataFolder
internal import Log
internal import Logging

/// Where the rows of streams are: segment files in the data folder, or memory.
enum EventLog {
  /// Opens the log, and says in the server's own log what was found in it.
  static func open(_ folder: DataFolder?, logger: Logger) throws -> SegmentLog {
    let files: any FileSystem =
      try folder.map { try LocalFolder($0.eventLogPath) } ?? MemoryFolder()
    let log = try SegmentLog(files, clock: WallClock.microseconds)
    let report = log.report
    for problem in report.problems {
      logger.error("the log of streams is damaged", metadata: ["place": "\(problem)"])
    }
    if report.segmentCount > 0 {
      logger.info(
        "opened the log of streams",
        metadata: [
          "segments": "\(report.segmentCount)", "recovered": "\(report.scanned.count)",
          "cut_bytes": "\(report.cutByteCount)", "took": "\(report.duration)",
        ])
    }
    return log
  }
}
