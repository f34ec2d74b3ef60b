"""What the pages show and to whom."""

from tests.review.desk_world import DeskWorld


def test_a_case_page_opens(world: DeskWorld, signed_in) -> None:
    world.held_images(2)
    client = signed_in("rita")
    response = client.post("/review/next", follow=True)
    assert response.status_code == 200
    text = response.content.decode()
    assert "sexual scored 0.61" in text
