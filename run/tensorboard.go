package run

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// tensorBoard writes Metrics and Timing as scalars of a TensorBoard event file:
// TFRecord framing round tensorflow.Event messages (event.proto, summary.proto).
type tensorBoard struct {
	*journal
	now func() time.Time
}

// Field numbers of tensorflow.Event, Summary and Summary.Value.
const (
	eventWallTime    = 1 // double
	eventStep        = 2 // int64
	eventFileVersion = 3 // string
	eventSummary     = 5 // Summary
	summaryValue     = 1 // repeated Value
	valueTag         = 1 // string
	valueSimple      = 2 // float
)

// newTensorBoard starts a file with the version record, or continues one.
func newTensorBoard(j *journal, now func() time.Time) *tensorBoard {
	tb := &tensorBoard{j, now}
	if j.size == 0 {
		msg := protowire.AppendTag(tb.header(0), eventFileVersion, protowire.BytesType)
		tb.record(protowire.AppendString(msg, "brain.Event:2"))
	}
	return tb
}

// Event implements Subscriber.
func (tb *tensorBoard) Event(e Event) error {
	switch e := e.(type) {
	case Metrics:
		tb.scalars(e.Episode, "", e.Values)
	case Timing:
		tb.scalars(e.Episode, "timings/", e.Values)
	}
	return nil
}

// scalars writes one record with all values.
func (tb *tensorBoard) scalars(step int, prefix string, values map[string]float64) {
	var summary []byte
	for _, k := range sortedKeys(values) {
		var v []byte
		v = protowire.AppendTag(v, valueTag, protowire.BytesType)
		v = protowire.AppendString(v, prefix+k)
		v = protowire.AppendTag(v, valueSimple, protowire.Fixed32Type)
		v = protowire.AppendFixed32(v, math.Float32bits(float32(values[k])))
		summary = protowire.AppendTag(summary, summaryValue, protowire.BytesType)
		summary = protowire.AppendBytes(summary, v)
	}
	msg := protowire.AppendTag(tb.header(step), eventSummary, protowire.BytesType)
	tb.record(protowire.AppendBytes(msg, summary))
}

// header is the start of an Event message.
func (tb *tensorBoard) header(step int) []byte {
	seconds := float64(tb.now().UnixMicro()) / 1e6
	msg := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	msg = protowire.AppendFixed64(msg, math.Float64bits(seconds))
	msg = protowire.AppendTag(msg, eventStep, protowire.VarintType)
	return protowire.AppendVarint(msg, uint64(step))
}

// record frames data: length, its checksum, data, its checksum.
func (tb *tensorBoard) record(data []byte) {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	tb.buf.Write(length)
	tb.buf.Write(binary.LittleEndian.AppendUint32(nil, maskedCRC(length)))
	tb.buf.Write(data)
	tb.buf.Write(binary.LittleEndian.AppendUint32(nil, maskedCRC(data)))
}

// maskedCRC is TFRecord's checksum: CRC-32C, rotated and shifted by a constant.
func maskedCRC(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return c>>15 | c<<17 + 0xa282ead8
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
