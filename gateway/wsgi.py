"""What gunicorn serves: one door, chosen by IMPRIMATUR_PROCESS."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
