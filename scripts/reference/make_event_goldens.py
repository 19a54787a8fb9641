#!/usr/bin/env python3
"""Writes tests/goldens/events with the message classes of TensorBoard and reads it back (pip: tensorboard==2.21.0).

    venv/bin/python scripts/reference/make_event_goldens.py

tests/trainers/events_test.cpp makes the same file, byte for byte.
"""
import pathlib

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.summary.writer.record_writer import RecordWriter

TIME = 1700000000.25
TEXT = "    {\n      \"name\": \"größe\"\n    }\n"


def events():
    Value = Summary.Value
    yield Event(wall_time=TIME, file_version="brain.Event:2")
    yield Event(wall_time=TIME, session_log=SessionLog(status=SessionLog.START))
    text = TensorProto(dtype="DT_STRING", string_val=[TEXT.encode()], tensor_shape=TensorShapeProto())
    kind = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    yield Event(wall_time=TIME, summary=Summary(value=[Value(tag="config", tensor=text, metadata=kind)]))
    yield Event(wall_time=TIME, step=300, summary=Summary(value=[
        Value(tag="train/loss", simple_value=0.1), Value(tag="lr", simple_value=0)]))
    histogram = HistogramProto(min=-1, max=1, num=4, sum=0, sum_squares=2.5)
    histogram.bucket_limit.extend([-1 + (k + 1) * (2 / 30) if k < 29 else 1 for k in range(30)])
    histogram.bucket.extend([1 if k in (0, 7, 22, 29) else 0 for k in range(30)])
    one = HistogramProto(min=2, max=2, num=3, sum=6, sum_squares=12, bucket_limit=[2], bucket=[3])
    yield Event(wall_time=TIME, step=300, summary=Summary(value=[
        Value(tag="parameters/a", histo=histogram), Value(tag="parameters/b", histo=one)]))


def main():
    path = pathlib.Path(__file__).parents[2] / "tests/goldens/events/events.out.tfevents.1.swin"
    path.parent.mkdir(exist_ok=True)
    with open(path, "wb") as file:
        writer = RecordWriter(file)
        for event in events():
            writer.write(event.SerializeToString(deterministic=True))
        writer.close()
    read = EventAccumulator(str(path.parent)).Reload()
    print(path.stat().st_size, "bytes:", read.Scalars("train/loss"), read.Tensors("config")[0].tensor_proto.string_val,
          read.Histograms("parameters/b"))


if __name__ == "__main__":
    main()
