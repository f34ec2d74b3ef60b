"""What checkers say of files of prompts and pictures, and how well they say it: values in, values and reports out."""
