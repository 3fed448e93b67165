internal import Columnar
internal import Dataflow
internal import Log

/// Reads windows of running aggregates from the log.
struct RunningReload: Sendable {
  let stream: Stream

  /// The aggregates of all visible rows in some windows. Blocks on the disk.
  ///
  /// The units of the log know between which times their rows are; those outside are not read.
  func load(
    _ windows: [Int64], into empty: RunningAggregates
  ) throws(LogError) -> RunningAggregates {
    var aggregates = empty
    aggregates.begin(windows)
    let definition = stream.definition
    guard let first = windows.first, let last = windows.last else { return aggregates }
    let end = last.addingReportingOverflow(definition.options.running.windowMicroseconds - 1)
    let state = stream.topic.state
    let range = state.start..<state.head
    let units = try stream.topic.units(
      in: range, ScanFilter(eventMicroseconds: first...(end.overflow ? .max : end.partialValue)))
    let reader = StreamReader(whole: stream, range: range)
    guard let stage = RunningStage(definition, definition.schema) else { return aggregates }
    for unit in units {
      do {
        for batch in try reader.batches(of: unit) { aggregates.fold(stage.rows(of: batch)) }
      } catch let error as LogError {
        throw error
      } catch {
        throw .damaged("\(error)")
      }
    }
    return aggregates
  }

  /// The newest time in the newest rows. Blocks on the disk.
  func newestTime() throws(LogError) -> Int64? {
    let state = stream.topic.state
    guard let unit = try stream.topic.units(in: state.start..<state.head, ScanFilter()).last else {
      return nil
    }
    var newest: Int64?
    for case .batch(let batch) in try stream.topic.read(unit) {
      guard let times = batch.eventMicroseconds else { continue }
      newest = max(newest ?? .min, times.upperBound)
    }
    return newest
  }
}
