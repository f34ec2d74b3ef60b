import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from gateway.delivery import keys
from gateway.delivery.encode import Pixels
from gateway.delivery.envelope import Identity
from gateway.delivery.keys import PrivateKeys, PublicKey
from gateway.delivery.stores import Store, open_store


@dataclass(frozen=True)
class Pair:
    public: PublicKey
    private: PrivateKeys


def write_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """The two files of a new pair, as an operator keeps them."""
    public_file, private_file = folder / f"{name}.public", folder / f"{name}.private"
    public_text, private_text = keys.generate()
    public_file.write_text(public_text)
    private_file.touch(mode=0o600)
    private_file.write_text(private_text)
    return public_file, private_file


def new_pair(folder: Path, name: str) -> Pair:
    public_file, private_file = write_pair(folder, name)
    return Pair(keys.load_public(public_file), keys.load_private(private_file))


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return new_pair(tmp_path_factory.mktemp("keys"), "quarantine")


@pytest.fixture(scope="session")
def officers(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return new_pair(tmp_path_factory.mktemp("keys"), "officers")


@pytest.fixture
def identity() -> Identity:
    return Identity(UUID(int=1), UUID(int=2), UUID(int=3), position=0, attempt=1)


@pytest.fixture
def pixels() -> Pixels:
    """A harmless gradient, 48 wide and 32 high, with a bright square."""
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[..., 0] = np.arange(48) * 5
    picture[..., 1] = np.arange(32)[:, None] * 7
    picture[8:16, 8:16] = (250, 250, 40)
    return picture


@pytest.fixture
def folder_url(tmp_path: Path) -> str:
    return (tmp_path / "store").as_uri()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """An S3 server on a free port of this machine. Credentials come from the environment, as they do in operation."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket="pictures")
        yield endpoint
        server.stop()


@pytest.fixture
def bucket_url(s3_endpoint: str) -> str:
    return f"s3://pictures/{uuid4()}/store?endpoint={s3_endpoint}&region=us-east-1"


@pytest.fixture(params=["folder_url", "bucket_url"])
def store(request: pytest.FixtureRequest) -> Store:
    """The same contract on a folder and on a bucket."""
    return open_store(request.getfixturevalue(request.param))


@pytest.fixture
def folder(folder_url: str) -> Store:
    return open_store(folder_url)
