"""A real process: ready, drained, or gone with a reason."""

import socket
import threading
from pathlib import Path

import httpx
import pytest

import models
from serving import ROW, failure, running


def test_from_start_to_end(iris: Path) -> None:
    with running(iris, SERINUS_MODEL_NAME="iris", SERINUS_MODEL_VERSION="7") as server:
        server.wait_until_ready()
        answer = httpx.post(f"{server.url}/predict", json=[ROW])
        assert answer.json()["prediction"] == [0]
        huge = httpx.post(f"{server.url}/predict", content=bytes(100_000_000), timeout=600)
        assert huge.status_code == 413
        code, out, err = server.stop()
    assert code == 0
    assert out == ""
    assert "iris 7 (sklearn" in err


def test_a_request_in_flight_is_answered_after_sigterm(iris: Path) -> None:
    with running(iris) as server:
        server.wait_until_ready()
        host, port = server.url.removeprefix("http://").split(":")
        body = b"[[5.1, 3.5, 1.4, 0.2]]"
        with socket.create_connection((host, int(port))) as caller:
            caller.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:5])
            httpx.get(f"{server.url}/v2/health/live")  # what was sent before has been read by now
            ended: list[tuple[int, str, str]] = []
            waiting = threading.Thread(target=lambda: ended.append(server.stop()))
            waiting.start()
            while not refused(host, int(port)):
                pass
            caller.sendall(body[5:])
            answer = b"".join(iter(lambda: caller.recv(65536), b""))
            waiting.join()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"prediction":[0]' in answer
    assert ended[0][0] == 0


def test_onnx_runtime_tells_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)  # where that is set its telemetry is off by itself
    home = tmp_path / "home"
    home.mkdir()
    with running(models.as_onnx(tmp_path / "model.onnx"), HOME=str(home), XDG_CACHE_HOME="") as server:
        server.wait_until_ready()
        server.stop()
    assert not list(home.iterdir())  # it would keep the machine's identity there, and events that were not sent yet


def refused(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port)).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it came between the end of accepting and the end of listening
        return False
    return False


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"SERINUS_LOG_SAMPLE": "2"}, "SERINUS_LOG_SAMPLE='2': Input should be less than or equal to 1"),
        ({"SERINUS_MODEL_FORMAT": "pytorch"}, "SERINUS_MODEL_FORMAT='pytorch': Input should be 'sklearn'"),
        ({"SERINUS_MODEL_FORMAT": "onnx"}, "set the format to sklearn"),
    ],
)
def test_wrong_settings_end_the_process(iris: Path, env: dict[str, str], told: str) -> None:
    code, err = failure(iris, **env)
    assert code == 1
    assert told in err
    assert "Traceback" not in err


def test_the_reason_is_left_for_kubernetes(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    code, err = failure(tmp_path / "gone", SERINUS_TERMINATION_LOG=str(log))
    assert code == 1
    assert f"SERINUS_MODEL_PATH={tmp_path / 'gone'}: no such file or folder" in err
    assert log.read_text() in err


def test_a_corrupt_model_ends_the_process(tmp_path: Path, iris: Path) -> None:
    broken = tmp_path / "model.skops"
    broken.write_bytes(iris.read_bytes()[:2000])
    code, err = failure(broken)
    assert code == 1
    assert f"{broken}: cannot be read as sklearn" in err
    assert "Traceback" not in err
