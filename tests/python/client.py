"""What people do, by a client that was generated from the description alone."""

import os
import sys
from io import BytesIO
from pathlib import Path

from lumina_client import AuthenticatedClient, Client
from lumina_client.api.accounts import log_in, register, show_me
from lumina_client.api.photos import change_photo, delete_photo, list_photos, show_photo, upload_photo
from lumina_client.models import Credentials, NewAccount, Photo, PhotoChanges, Problem, Upload
from lumina_client.types import File

lumina, first, second = os.environ["LUMINA"], Path(sys.argv[1]), Path(sys.argv[2])
visitor = Client(base_url=lumina)

# Register, log in.
account = NewAccount(username="maria", email="maria@example.org", password="correct horse battery")
user = register.sync(client=visitor, body=account)
assert user.username == "maria", user
taken = register.sync(client=visitor, body=account)
assert isinstance(taken, Problem) and taken.type_.value == "urn:lumina:problem:taken", taken
tokens = log_in.sync(client=visitor, body=Credentials(username="maria", password="correct horse battery"))
maria = AuthenticatedClient(base_url=lumina, token=tokens.access_token)
assert show_me.sync(client=maria).id == user.id


def upload(path: Path, hashtags: str) -> Photo:
    file = File(payload=BytesIO(path.read_bytes()), file_name=path.name, mime_type="image/jpeg")
    photo = upload_photo.sync(client=maria, body=Upload(file=file, hashtags=hashtags), idempotency_key=path.name)
    assert isinstance(photo, Photo), photo
    return photo


# Upload, list, filter.
sea, lake = upload(first, "#sea crete"), upload(second, "lake")
assert upload(first, "#sea crete").id == sea.id
assert sea.hashtags == ["crete", "sea"] and sea.public_url is None, sea
everything = list_photos.sync(client=maria)
assert [photo.id for photo in everything.photos] == [lake.id, sea.id] and everything.total == 2, everything
page = list_photos.sync(client=maria, limit=1)
assert len(page.photos) == 1 and page.next_, page
assert [photo.id for photo in list_photos.sync(client=maria, hashtag=["sea"]).photos] == [sea.id]

# Change, delete.
changed = change_photo.sync(id=sea.id, client=maria, body=PhotoChanges(title="At the sea", visibility="link"))
assert changed.title == "At the sea" and changed.public_url, changed
assert delete_photo.sync_detailed(id=sea.id, client=maria).status_code == 204
gone = show_photo.sync(id=sea.id, client=maria)
assert isinstance(gone, Problem) and gone.status == 404, gone
assert list_photos.sync(client=maria).total == 1
