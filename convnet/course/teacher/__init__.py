"""What a teacher needs beside the course: notes with all answers, solutions, slides, a quiz, and files for Colab."""
