#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif
internal import Database
internal import GRPC

/// What a producer sends beside its rows, as JSON:
/// `{"producer":"p1","sequence":7,"watermark":1760000000000000,"end_of_stream":true}`. All of it may be
/// missing; the watermark is in microseconds since 1970.
struct PutMetadata: Decodable {
  var producer: String?
  var sequence: Int64?
  var watermark: Int64?
  var end_of_stream: Bool?

  static func marks(_ text: String) throws -> StreamMarks {
    guard text.first(where: { !$0.isWhitespace }) == "{" else {
      // Metadata of another program is none of ours.
      return StreamMarks()
    }
    do {
      let metadata = try JSONDecoder().decode(PutMetadata.self, from: Data(text.utf8))
      return StreamMarks(
        producer: metadata.producer, sequence: metadata.sequence,
        watermarkMicroseconds: metadata.watermark, endsStream: metadata.end_of_stream ?? false)
    } catch {
      throw GRPCError(
        .invalidArgument,
        "the metadata of the batch is not understood; it is JSON as "
          + "{\"producer\":\"p1\",\"sequence\":7,\"watermark\":<microseconds since 1970>,"
          + "\"end_of_stream\":true}")
    }
  }

  static func marks(options: [String: String]) throws -> StreamMarks {
    guard let producer = options["producer"] else { return StreamMarks() }
    guard let sequence = options["sequence"].flatMap({ Int64($0) }) else {
      throw GRPCError(
        .invalidArgument, "the ingest names a producer, but no sequence, which is an integer")
    }
    return StreamMarks(producer: producer, sequence: sequence)
  }
}
