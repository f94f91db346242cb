package run

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"pgsrm/internal/printable"
)

// tensorBoard writes an event file of TensorBoard: TFRecord framing round tensorflow.Event
// messages (event.proto, summary.proto, and plugin_data.proto of the plugin hparams).
// Scalars stand over steps, the most telling ones also over episodes, below by_episode;
// some greedy answers of each evaluation are texts; the configuration is the hparams.
type tensorBoard struct {
	*journal
	now     func() time.Time
	old     bool         // a file that an older version began: scalars over episodes, and nothing else
	samples []Completion // greedy answers since the last Timing
}

// Field numbers of tensorflow.Event, Summary, Summary.Value and what is in them.
const (
	eventWallTime    = 1 // double
	eventStep        = 2 // int64
	eventFileVersion = 3 // string
	eventSummary     = 5 // Summary
	summaryValue     = 1 // repeated Value
	valueTag         = 1 // string
	valueSimple      = 2 // float
	valueTensor      = 8 // TensorProto
	valueMetadata    = 9 // SummaryMetadata
	metadataPlugin   = 1 // PluginData: 1 name, 2 content
	metadataClass    = 4 // DataClass; 2 = tensor
	tensorType       = 1 // DataType; 1 = float, 7 = string
	tensorShape      = 2 // TensorShapeProto; empty = a scalar
	tensorString     = 8 // repeated bytes
	hparamsSession   = 3 // SessionStartInfo of HParamsPluginData
	sessionHParams   = 1 // map<string, google.protobuf.Value>
	sessionGroup     = 4 // string
	sessionStart     = 5 // double
)

// hparamsTag is the tag of the configuration; a file without it is of an older version.
const hparamsTag = "_hparams_/session_start_info"

// newTensorBoard starts a file with the version and the settings, or continues one.
func newTensorBoard(j *journal, now func() time.Time, settings []Difference) (*tensorBoard, error) {
	tb := &tensorBoard{journal: j, now: now}
	if j.size > 0 {
		head := make([]byte, min(j.size, 512))
		if _, err := j.file.ReadAt(head, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", j.file.Name(), err)
		}
		tb.old = !bytes.Contains(head, []byte(hparamsTag))
		return tb, nil
	}
	msg := protowire.AppendTag(tb.header(0), eventFileVersion, protowire.BytesType)
	tb.record(protowire.AppendString(msg, "brain.Event:2"))
	tb.hparams(settings)
	return tb, nil
}

// Event implements Subscriber.
func (tb *tensorBoard) Event(e Event) error {
	switch e := e.(type) {
	case Metrics:
		tb.scalars(e.Step, e.Episode, "", e.Values)
	case Timing:
		tb.scalars(e.Step, e.Episode, "timings/", e.Values)
		tb.texts(e.Step)
	case Completion:
		if e.Greedy && !tb.old && len(tb.samples) < shownSamples {
			tb.samples = append(tb.samples, e)
		}
	}
	return nil
}

// scalars writes one record with all values over the step, and one with the most telling
// ones over the episode.
func (tb *tensorBoard) scalars(step, episode int, prefix string, values map[string]float64) {
	if tb.old {
		tb.summary(episode, prefix, values)
		return
	}
	tb.summary(step, prefix, values)
	telling := map[string]float64{}
	for k, v := range values {
		if prefix == "" && (strings.HasPrefix(k, "eval/") || k == "reward" || strings.HasPrefix(k, "objective/")) {
			telling[k] = v
		}
	}
	if len(telling) > 0 {
		tb.summary(episode, "by_episode/", telling)
	}
}

// summary writes one record of scalars.
func (tb *tensorBoard) summary(step int, prefix string, values map[string]float64) {
	var summary []byte
	for _, k := range sortedKeys(values) {
		v := appendString(nil, valueTag, prefix+k)
		v = protowire.AppendTag(v, valueSimple, protowire.Fixed32Type)
		v = protowire.AppendFixed32(v, math.Float32bits(float32(values[k])))
		summary = appendBytes(summary, summaryValue, v)
	}
	tb.record(appendBytes(tb.header(step), eventSummary, summary))
}

// Bounds of the texts of an evaluation.
const (
	shownSamples = 10
	sampleText   = 300 // characters of a text
)

// texts writes the greedy answers of an evaluation as a table in Markdown.
func (tb *tensorBoard) texts(step int) {
	if len(tb.samples) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString("| prompt | reference | answer | reward |\n|---|---|---|---|\n")
	for _, c := range tb.samples {
		reward := ""
		if c.Reward != nil {
			reward = fmt.Sprintf("%.3f", *c.Reward)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", markdownCell(c.Prompt), markdownCell(c.Reference), markdownCell(c.Response), reward)
	}
	tb.samples = nil
	tensor := protowire.AppendVarint(protowire.AppendTag(nil, tensorType, protowire.VarintType), 7)
	tensor = appendBytes(tensor, tensorShape, nil)
	tensor = appendString(tensor, tensorString, b.String())
	tb.tagged(step, "samples/greedy", "text", nil, tensor)
}

// markdownText makes a text one of Markdown that stands for itself.
var markdownText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "&#124;", "*", "&#42;", "_", "&#95;", "`", "&#96;", "[", "&#91;", "!", "&#33;", "\\", "&#92;", "\n", " ", "\r", " ")

// markdownCell is a text of a run in a table.
func markdownCell(text string) string {
	if runes := []rune(text); len(runes) > sampleText {
		text = string(runes[:sampleText]) + "…"
	}
	return markdownText.Replace(printable.Text(text))
}

// hparams writes the settings; those that are numbers are numbers.
func (tb *tensorBoard) hparams(settings []Difference) {
	var session []byte
	for _, d := range settings {
		var value []byte
		if v, err := strconv.ParseFloat(d.B, 64); err == nil {
			value = protowire.AppendFixed64(protowire.AppendTag(nil, 2, protowire.Fixed64Type), math.Float64bits(v))
		} else {
			value = appendString(nil, 3, d.B)
		}
		session = appendBytes(session, sessionHParams, appendBytes(appendString(nil, 1, d.Key), 2, value))
	}
	session = appendString(session, sessionGroup, "")
	session = protowire.AppendFixed64(protowire.AppendTag(session, sessionStart, protowire.Fixed64Type), math.Float64bits(tb.seconds()))
	tensor := protowire.AppendVarint(protowire.AppendTag(nil, tensorType, protowire.VarintType), 1)
	tb.tagged(0, hparamsTag, "hparams", appendBytes(nil, hparamsSession, session), appendBytes(tensor, tensorShape, nil))
}

// tagged writes a record of one value that a plugin reads.
func (tb *tensorBoard) tagged(step int, tag, plugin string, content, tensor []byte) {
	metadata := appendString(nil, 1, plugin)
	if content != nil {
		metadata = appendBytes(metadata, 2, content)
	}
	metadata = appendBytes(nil, metadataPlugin, metadata)
	metadata = protowire.AppendVarint(protowire.AppendTag(metadata, metadataClass, protowire.VarintType), 2)
	v := appendString(nil, valueTag, tag)
	v = appendBytes(v, valueTensor, tensor)
	v = appendBytes(v, valueMetadata, metadata)
	tb.record(appendBytes(tb.header(step), eventSummary, appendBytes(nil, summaryValue, v)))
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func appendString(b []byte, field protowire.Number, v string) []byte {
	return appendBytes(b, field, []byte(strings.ToValidUTF8(v, "\uFFFD")))
}

func (tb *tensorBoard) seconds() float64 { return float64(tb.now().UnixMicro()) / 1e6 }

// header is the start of an Event message.
func (tb *tensorBoard) header(step int) []byte {
	msg := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	msg = protowire.AppendFixed64(msg, math.Float64bits(tb.seconds()))
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
